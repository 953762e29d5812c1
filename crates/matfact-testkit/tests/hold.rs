//! Algorithms that keep the laws pass them.

mod toys;

use toys::Fault::None as Sound;
use toys::nmf::nmf;
use toys::sgd::sgd;
use toys::svd::svd;

matfact_testkit::laws! {
    svd_f32: svd::<f32>(Sound) => matrix, orthonormal, optimal, spectrum, transform, operator,
        limited_rank, permutation, transpose, scale;
    svd_f64: svd::<f64>(Sound) => matrix, orthonormal, optimal, spectrum, transform, operator,
        limited_rank, permutation, transpose, scale;
    nmf_f32: nmf::<f32>(Sound) => matrix, non_negative, monotone, transform, unlimited_rank, scale;
    nmf_f64: nmf::<f64>(Sound) => matrix, non_negative, monotone, transform, unlimited_rank, scale;
    sgd_f32: sgd::<f32>(Sound) => ratings;
    sgd_f64: sgd::<f64>(Sound) => ratings;
}

matfact_testkit::precision_laws! {
    svd_precision: svd::<f32>(Sound), svd::<f64>(Sound);
    nmf_precision: nmf::<f32>(Sound), nmf::<f64>(Sound);
}
