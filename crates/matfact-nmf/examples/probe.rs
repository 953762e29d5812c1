#![allow(missing_docs, clippy::all)]
use matfact_core::*; use matfact_core::ndarray::Array2; use matfact_nmf::*;
fn npy_f32(path:&str)->Array2<f32>{ let b=std::fs::read(path).unwrap(); let hl=u16::from_le_bytes([b[8],b[9]]) as usize; let h=String::from_utf8_lossy(&b[10..10+hl]).to_string(); let s=h.split("'shape': (").nth(1).unwrap().split(')').next().unwrap(); let d:Vec<usize>=s.split(',').filter_map(|x|x.trim().parse().ok()).collect();
 let body=&b[10+hl..]; let v:Vec<f32>= if h.contains("f4") { body.chunks_exact(4).map(|c|f32::from_le_bytes(c.try_into().unwrap())).collect()} else if h.contains("u1") {body.iter().map(|x|*x as f32).collect()} else if h.contains("i4") {body.chunks_exact(4).map(|c|i32::from_le_bytes(c.try_into().unwrap()) as f32).collect()} else {body.chunks_exact(2).map(|c|u16::from_le_bytes(c.try_into().unwrap()) as f32).collect()};
 Array2::from_shape_vec((d[0],d[1]),v).unwrap() }
fn main(){
 let args:Vec<String>=std::env::args().collect(); let x=npy_f32(&args[1]); let k:usize=args[2].parse().unwrap();
 for sweeps in [1,2,3,4,6] { for tol in [1e-3,1e-4,1e-5] {
  let f=Nmf::new(k).sweeps(sweeps).tol(tol).max_iter(1000).fit(&x).unwrap();
  println!("sweeps {sweeps} tol {tol:e}: it {} err {:.5} abs {:.2} init {:.3}s iter {:.3}s fin {:.3} cert {:?}", f.report.iterations, f.report.relative_error.unwrap(), (2.0*f.report.objective).sqrt(), f.report.seconds.initialization, f.report.seconds.iterations, f.report.seconds.finishing, f.report.certificate.unwrap());
 }}
}
