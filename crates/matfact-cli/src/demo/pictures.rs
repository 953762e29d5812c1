//! Small pictures in a terminal: rows of framed images side by side, two characters a pixel.

/// From nothing to full.
const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
/// The same for negative values.
const NEGATIVE_SHADES: [&str; 5] = ["  ", "··", "::", "--", "=="];

/// Draws images of `side` x `side` pixels, `per_line` side by side, each scaled by its own largest
/// magnitude; negative pixels are drawn with strokes. Each image takes `2 * side + 2` columns, with
/// one between two images.
pub(super) fn draw(images: &[Vec<f32>], side: usize, per_line: usize) -> String {
    let mut text = String::new();
    let edge = "─".repeat(2 * side);
    for line in images.chunks(per_line) {
        let mut put = |parts: Vec<String>| {
            text.push_str(&parts.join(" "));
            text.push('\n');
        };
        put(line.iter().map(|_| format!("┌{edge}┐")).collect());
        for y in 0..side {
            put(line
                .iter()
                .map(|image| format!("│{}│", row(image, side, y)))
                .collect());
        }
        put(line.iter().map(|_| format!("└{edge}┘")).collect());
    }
    text.push('\n');
    text
}

fn row(image: &[f32], side: usize, y: usize) -> String {
    let largest = image.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    image[y * side..(y + 1) * side]
        .iter()
        .map(|v| shade(*v, largest))
        .collect()
}

fn shade(value: f32, largest: f32) -> &'static str {
    if largest == 0.0 {
        return SHADES[0];
    }
    let level = (value.abs() / largest * 4.0).round() as usize;
    if value < 0.0 {
        NEGATIVE_SHADES[level.min(4)]
    } else {
        SHADES[level.min(4)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_shaded_by_magnitude_and_sign() {
        let images = vec![vec![0.0, 1.0, -1.0, 0.5], vec![0.0; 4]];
        assert_eq!(
            draw(&images, 2, 2),
            "┌────┐ ┌────┐\n│  ██│ │    │\n│==▒▒│ │    │\n└────┘ └────┘\n\n"
        );
    }

    #[test]
    fn four_digits_fit_beside_each_other_into_a_terminal() {
        let drawn = draw(&vec![vec![1.0; 64]; 16], 8, 4);
        assert!(
            drawn
                .lines()
                .all(|line| line.is_empty() || line.chars().count() == 75)
        );
        assert_eq!(
            drawn.lines().filter(|line| line.starts_with('┌')).count(),
            4
        );
    }
}
