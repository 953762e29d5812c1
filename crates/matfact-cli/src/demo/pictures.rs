//! Small pictures in a terminal: rows of images side by side, two characters a pixel.

/// From nothing to full.
const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
/// The same for negative values.
const NEGATIVE_SHADES: [&str; 5] = ["  ", "··", "::", "--", "=="];

/// Draws images of `side` x `side` pixels, `per_line` side by side, each scaled by its own largest
/// magnitude; negative pixels are drawn with strokes.
pub(super) fn draw(images: &[Vec<f32>], side: usize, per_line: usize) -> String {
    let mut text = String::new();
    for line in images.chunks(per_line) {
        for y in 0..side {
            let row = line.iter().map(|image| {
                let largest = image.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
                image[y * side..(y + 1) * side].iter().map(|v| shade(*v, largest)).collect()
            });
            text.push_str("  ");
            text.push_str(row.collect::<Vec<String>>().join("  ").trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn shade(value: f32, largest: f32) -> &'static str {
    if largest == 0.0 {
        return SHADES[0];
    }
    let level = (value.abs() / largest * 4.0).round() as usize;
    if value < 0.0 { NEGATIVE_SHADES[level.min(4)] } else { SHADES[level.min(4)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_shaded_by_magnitude_and_sign() {
        let images = vec![vec![0.0, 1.0, -1.0, 0.5], vec![0.0; 4]];
        assert_eq!(draw(&images, 2, 2), "    ██\n  ==▒▒\n\n");
    }
}
