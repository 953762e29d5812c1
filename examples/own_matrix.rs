//! A matrix type of your own: implement two products and a listing of the entries, and every
//! algorithm for matrices takes it.
//!
//! Here: a table of categories, one a column, as the wide 0/1 matrix that it stands for, which is
//! never formed.

use matfact::ndarray::{ArrayView2, ArrayViewMut2};
use matfact::{Factorization, Factorizer, LinearOperator, Matrix, Nmf, TruncatedSvd};

/// `choices[row][question]` is the answer given, out of `answers` for each question; the matrix has
/// a column for every answer to every question, with a 1 where it was given.
struct OneHot {
    choices: Vec<Vec<usize>>,
    answers: usize,
}

impl OneHot {
    fn columns(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        self.choices[row]
            .iter()
            .enumerate()
            .map(|(q, answer)| q * self.answers + answer)
    }
}

impl LinearOperator for OneHot {
    type Scalar = f64;

    fn shape(&self) -> (usize, usize) {
        (self.choices.len(), self.answers * self.choices[0].len())
    }

    fn multiply(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        for row in 0..self.choices.len() {
            for column in self.columns(row) {
                out.row_mut(row).scaled_add(1.0, &right.row(column));
            }
        }
    }

    fn multiply_transposed(&self, right: ArrayView2<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        out.fill(0.0);
        for row in 0..self.choices.len() {
            for column in self.columns(row) {
                out.row_mut(column).scaled_add(1.0, &right.row(row));
            }
        }
    }
}

impl Matrix for OneHot {
    fn visit(&self, visit: &mut dyn FnMut(usize, usize, f64)) {
        for row in 0..self.choices.len() {
            for column in self.columns(row) {
                visit(row, column, 1.0);
            }
        }
    }
}

fn main() -> matfact::Result<()> {
    // Two kinds of people answer eight questions with four answers each, some by chance.
    let answer = |person: usize, question: usize| match (person % 2, (person + question) % 5) {
        (_, 0) => (person * 7 + question * 3) % 4,
        (kind, _) => kind * 2 + question % 2,
    };
    let choices = (0..300)
        .map(|person| (0..8).map(|q| answer(person, q)).collect())
        .collect();
    let survey = OneHot {
        choices,
        answers: 4,
    };

    let svd = TruncatedSvd::new(4).fit(&survey)?;
    println!("singular values {:.2}", svd.model.singular_values());

    let nmf = Nmf::new(2).fit(&survey)?;
    println!("{}", nmf.report);
    println!("how likely answer 3 to question 2 is, for persons 0 and 1:");
    for person in 0..2 {
        println!("  {person}: {:.2}", nmf.model.predict(person, 2 * 4 + 2)?);
    }
    Ok(())
}
