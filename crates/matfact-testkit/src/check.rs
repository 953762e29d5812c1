//! All laws of a group at once.

use crate::subject::*;
use crate::violation::LawResult;

macro_rules! check {
    ($($(#[$meta:meta])* $name:ident($group:ident): $bound:ident $(+ $other:ident)*;)+) => {$(
        $(#[$meta])*
        ///
        /// # Errors
        /// The first violation found.
        pub fn $name<S: $bound $(+ $other)*>(subject: &S) -> LawResult {
            crate::__laws_of!($group, __check, subject)
        }
    )+};
}

check! {
    /// The laws of every algorithm on matrices.
    check_matrix(matrix): MatrixSubject;
    /// The laws of non-negative factors.
    check_non_negative(non_negative): NonNegativeSubject;
    /// The laws of orthonormal factors.
    check_orthonormal(orthonormal): OrthonormalSubject;
    /// The laws of algorithms that find the best approximation.
    check_optimal(optimal): OptimalSubject;
    /// The laws of singular values.
    check_spectrum(spectrum): OrthonormalSubject + OptimalSubject;
    /// The law of objectives that never rise.
    check_monotone(monotone): MonotoneSubject;
    /// The laws of models that map new rows.
    check_transform(transform): TransformSubject;
    /// The law of algorithms that need products alone.
    check_operator(operator): OperatorSubject;
    /// The law of limited ranks.
    check_limited_rank(limited_rank): LimitedRank;
    /// The law of ranks without limit.
    check_unlimited_rank(unlimited_rank): UnlimitedRank;
    /// The law of permutations.
    check_permutation(permutation): PermutationEquivariant;
    /// The law of transposition.
    check_transpose(transpose): TransposeEquivariant;
    /// The law of scaling.
    check_scale(scale): ScaleEquivariant;
    /// The laws of every algorithm on ratings.
    check_ratings(ratings): RatingsSubject;
}
