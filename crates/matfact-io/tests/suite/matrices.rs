//! Matrix files, with rows 55, 56 and 58 of the reliability list.
// Clippy allows it in test functions by itself, and not in what they call.

use crate::common::{Folder, gzip, parse_place, refuses_what_is_no_file};
use matfact_core::ndarray::{Array2, ShapeBuilder, array};
use matfact_core::{Error, LinearOperator, Scalar};
use matfact_io::{MatrixData, read_matrix, write_npy};

fn market(text: &str) -> Result<MatrixData<f64>, Error> {
    let folder = Folder::new();
    let plain = read_matrix(folder.write("x.mtx", text));
    let packed = read_matrix(folder.write("x.mtx.gz", gzip(text)));
    match (&plain, &packed) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        (Err(a), Err(b)) => assert_eq!(a.to_string().replace("mtx:", "mtx.gz:"), b.to_string()),
        _ => panic!("{plain:?} and {packed:?} differ"),
    }
    plain
}

fn dense<T: Scalar>(data: &MatrixData<T>) -> Array2<T> {
    let mut out = Array2::zeros(data.shape());
    data.as_matrix().visit(&mut |i, j, v| out[[i, j]] = v);
    out
}

fn npy(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n")
}

#[test]
fn a_coordinate_file_is_read_with_comments_blank_lines_and_either_line_end() {
    let text = "%%MatrixMarket matrix coordinate real general\n% one\n%\n\n3 4 4\n1 1 1.5\n3 4 -2e-1\n\n% two\n  1\t4   7  \n3 4 0.5\n";
    let x = market(text).unwrap();
    let expected = array![[1.5, 0.0, 0.0, 7.0], [0.0; 4], [0.0, 0.0, 0.0, 0.3]];
    assert_eq!(dense(&x), expected);
    assert_eq!(x.stored(), 3);
    assert_eq!(market(&text.replace('\n', "\r\n")).unwrap(), x);
    assert_eq!(market(text.trim_end()).unwrap(), x);
    assert_eq!(
        market(&text.replace("coordinate", "COORDINATE")).unwrap(),
        x
    );
}

#[test]
fn every_field_and_symmetry_is_expanded() {
    for (kind, body, expected) in [
        (
            "coordinate integer symmetric",
            "2 2 2\n1 1 3\n2 1 -4\n",
            array![[3.0, -4.0], [-4.0, 0.0]],
        ),
        (
            "coordinate pattern general",
            "2 2 2\n1 2\n2 1\n",
            array![[0.0, 1.0], [1.0, 0.0]],
        ),
        (
            "coordinate pattern symmetric",
            "2 2 1\n2 1\n",
            array![[0.0, 1.0], [1.0, 0.0]],
        ),
        (
            "coordinate real skew-symmetric",
            "2 2 1\n2 1 5\n",
            array![[0.0, -5.0], [5.0, 0.0]],
        ),
        (
            "array real general",
            "2 2\n1\n2\n3\n4\n",
            array![[1.0, 3.0], [2.0, 4.0]],
        ),
        (
            "array integer symmetric",
            "2 2\n1\n2\n3\n",
            array![[1.0, 2.0], [2.0, 3.0]],
        ),
        (
            "array real skew-symmetric",
            "2 2\n2\n",
            array![[0.0, -2.0], [2.0, 0.0]],
        ),
        (
            "coordinate real general",
            "2 2 0\n",
            array![[0.0, 0.0], [0.0, 0.0]],
        ),
    ] {
        let x = market(&format!("%%MatrixMarket matrix {kind}\n{body}")).unwrap();
        assert_eq!(dense(&x), expected, "{kind}");
        assert_eq!(matches!(x, MatrixData::Dense(_)), kind.starts_with("array"));
    }
}

#[test]
fn row_55_what_matrix_market_does_not_allow_is_refused_by_line() {
    let real = "%%MatrixMarket matrix coordinate real general\n";
    let symmetric = "%%MatrixMarket matrix coordinate real symmetric\n";
    let array = "%%MatrixMarket matrix array real general\n";
    for (head, body, line, column, word) in [
        (
            "%%MatrixMarket matrix coordinate complex general\n",
            "1 1 1\n1 1 1 0\n",
            1,
            None,
            "complex",
        ),
        (
            "%%MatrixMarket matrix coordinate real hermitian\n",
            "1 1 0\n",
            1,
            None,
            "Hermitian",
        ),
        (
            "%%MatrixMarket vector coordinate real general\n",
            "1 1 0\n",
            1,
            None,
            "object",
        ),
        (
            "%%MatrixMarket matrix array pattern general\n",
            "1 1\n",
            1,
            None,
            "pattern",
        ),
        (
            "%%MatrixMarket matrix coordinate real\n",
            "1 1 0\n",
            1,
            None,
            "4 words",
        ),
        ("1 1 1\n", "1 1 1\n", 1, None, "%%MatrixMarket"),
        (real, "", 1, None, "before its size line"),
        (real, "2 2 2\n1 1 1\n", 3, None, "1 of the 2"),
        (real, "2 2 1\n1 1 1\n2 2 1\n", 4, None, "one more"),
        (real, "2 2 1\n0 1 1\n", 3, Some(1), "counts from 1"),
        (real, "2 2 1\n1 3 1\n", 3, Some(2), "beyond the 2"),
        (real, "2 2 1\n1 -1 1\n", 3, Some(2), "not an integer"),
        (real, "2 2 1\n1 1\n", 3, Some(3), "missing"),
        (real, "2 2 1\n1 1 1 1\n", 3, Some(4), "after the 3 fields"),
        (real, "2 2 1\n1 1 NaN\n", 3, Some(3), "finite"),
        (real, "2 2 1\n1 1 -inf\n", 3, Some(3), "finite"),
        (real, "2 2 1\n1 1 1e999\n", 3, Some(3), "range"),
        (real, "2 2 1\n1 1 1,5\n", 3, Some(3), "decimal number"),
        (real, "-2 2 1\n", 2, Some(1), "rows cannot be \"-2\""),
        (real, "2 9223372036854775808 1\n", 2, Some(2), "more than"),
        (
            real,
            "2 2 9223372036854775808\n",
            2,
            None,
            "0 of the 9223372036854775808",
        ),
        (real, "4000000000 2 1\n1 1 1\n", 2, Some(1), "empty"),
        (real, "2 99999999999999999999 1\n", 2, Some(2), "cannot be"),
        (real, "2 2\n", 2, Some(3), "entries cannot be \"\""),
        (real, "2 2 1 1\n", 2, Some(4), "more than 3"),
        (
            symmetric,
            "2 2 1\n1 2 1\n",
            3,
            Some(2),
            "above the diagonal",
        ),
        (symmetric, "2 3 1\n1 1 1\n", 2, None, "2 x 3"),
        (
            "%%MatrixMarket matrix coordinate real skew-symmetric\n",
            "2 2 1\n1 1 1\n",
            3,
            Some(3),
            "diagonal",
        ),
        (
            "%%MatrixMarket matrix coordinate integer general\n",
            "2 2 1\n1 1 1.5\n",
            3,
            Some(3),
            "integer",
        ),
        (
            "%%MatrixMarket matrix coordinate pattern general\n",
            "2 2 1\n1 1 1\n",
            3,
            Some(3),
            "after the 2",
        ),
        (array, "2 2\n1\n2\n3\n", 5, None, "3 of the 4"),
        (array, "2 2\n1\n2\n3\n4\n5\n", 7, None, "one more"),
        (array, "2 2\n1 2\n", 3, Some(2), "after the 1"),
        (array, "4294967295 4294967295\n1\n", 3, None, "1 of the"),
    ] {
        let place = parse_place(market(&format!("{head}{body}")), &[word]);
        assert_eq!(place, (line, column), "{head}{body}");
    }
    let empty = market(&format!("{real}0 5 0\n"));
    assert!(matches!(
        empty,
        Err(Error::EmptyInput {
            rows: 0,
            columns: 5,
            ..
        })
    ));
}

#[test]
fn values_beyond_f32_are_refused_for_f32_alone() {
    let folder = Folder::new();
    let text = "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 1e39\n";
    let path = folder.write("x.mtx", text);
    assert!(read_matrix::<f64>(&path).is_ok());
    let message = read_matrix::<f32>(&path).unwrap_err().to_string();
    assert!(
        message.contains("x.mtx:3: the value 1e39 overflows f32"),
        "{message}"
    );
    // The sum of two that are in range.
    let text = "%%MatrixMarket matrix coordinate real general\n1 1 2\n1 1 3e38\n1 1 3e38\n";
    let message = read_matrix::<f32>(folder.write("x.mtx", text)).unwrap_err();
    assert!(matches!(message, Error::Overflow { .. }), "{message}");
    let path = folder.at("x.npy");
    write_npy(&path, &array![[0.0, 1e300]]).unwrap();
    let message = read_matrix::<f32>(&path).unwrap_err();
    assert!(matches!(message, Error::Overflow { .. }), "{message}");
}

#[test]
fn row_56_an_npy_file_that_lies_is_refused_before_memory_is_asked_for() {
    let folder = Folder::new();
    let data = [0; 48];
    let good = header("'<f8'", "(2, 3)");
    assert!(read_matrix::<f64>(folder.write("good.npy", npy(1, &good, &data))).is_ok());
    let huge = "(4611686018427387904, 4611686018427387904)";
    let long = npy(
        2,
        &format!("{}{}", good.trim_end(), " ".repeat(70_000)),
        &data,
    );
    let mut lying = npy(1, &good, &data);
    lying[8..10].copy_from_slice(&60_000_u16.to_le_bytes());
    for (name, bytes, word) in [
        ("short data", npy(1, &good, &data[1..]), "but 47 follow"),
        ("long data", npy(1, &good, &[0; 49]), "but 49 follow"),
        (
            "large shape",
            npy(1, &header("'<f8'", "(2000000000, 3)"), &data),
            "but 48 follow",
        ),
        (
            "overflowing shape",
            npy(1, &header("'<f8'", huge), &data),
            "more than any file",
        ),
        (
            "overflowing bytes",
            npy(1, &header("'<f8'", "(2305843009213693952, 1)"), &data),
            "more than any",
        ),
        ("length", lying, "inside its header"),
        ("long header", long, "damaged"),
        ("version", npy(9, &good, &data), "version 9.0"),
        (
            "one axis",
            npy(1, &header("'<f8'", "(6,)"), &data),
            "reshape(-1, 1)",
        ),
        (
            "three axes",
            npy(1, &header("'<f8'", "(1, 2, 3)"), &data),
            "3 axes",
        ),
        ("no axis", npy(1, &header("'<f8'", "()"), &data), "0 axes"),
        (
            "complex",
            npy(1, &header("'<c16'", "(1, 3)"), &data),
            "complex",
        ),
        ("half", npy(1, &header("'<f2'", "(2, 12)"), &data), "astype"),
        ("cut", b"\x93NUMPY\x01".to_vec(), "inside its header"),
    ] {
        let place = parse_place(read_matrix::<f64>(folder.write("x.npy", &bytes)), &[word]);
        assert_eq!(place, (0, None), "{name}");
        // Compressed, the size is not known beforehand, and the answer is the same kind.
        let packed = read_matrix::<f64>(folder.write("x.npy.gz", gzip(&bytes)));
        assert!(
            matches!(packed, Err(Error::Parse { .. })),
            "{name}: {packed:?}"
        );
    }
    for descr in ["'|O'", "[('a', '|O')]"] {
        let bytes = npy(1, &header(descr, "(2, 3)"), b"\x80\x04]");
        let refused = read_matrix::<f64>(folder.write("x.npy", bytes));
        assert!(matches!(refused, Err(Error::PickleRefused { .. })));
    }
    let empty = read_matrix::<f64>(folder.write("x.npy", npy(1, &header("'<f8'", "(0, 3)"), b"")));
    assert!(matches!(
        empty,
        Err(Error::EmptyInput {
            rows: 0,
            columns: 3,
            ..
        })
    ));
}

#[test]
fn npy_keeps_every_bit_in_every_layout() {
    let folder = Folder::new();
    let path = folder.at("x.npy");
    let bits = [
        0_u64,
        1,
        1 << 63,
        0x7fef_ffff_ffff_ffff,
        0x7ff0_0000_0000_0000,
        0x3ff0_0000_0000_0001,
    ];
    let x = Array2::from_shape_vec((2, 3), bits.map(f64::from_bits).to_vec()).unwrap();
    let fortran = x.t().as_standard_layout().into_owned().reversed_axes();
    for x in [&x, &fortran] {
        write_npy(&path, x).unwrap();
        let back = dense(&read_matrix::<f64>(&path).unwrap());
        assert!(back.iter().map(|v| v.to_bits()).eq(bits));
    }
    // The data begin at a multiple of 64 bytes, as NumPy's own do.
    assert_eq!((std::fs::read(&path).unwrap().len() - 48) % 64, 0);
    let single = x.mapv(|v| v as f32);
    write_npy(&path, &single).unwrap();
    let back = dense(&read_matrix::<f32>(&path).unwrap());
    assert!(
        back.iter()
            .map(|v| v.to_bits())
            .eq(single.iter().map(|v| v.to_bits()))
    );
    // Read from the packed file and from a Fortran-ordered one.
    let packed = folder.write("x.npy.gz", gzip(std::fs::read(&path).unwrap()));
    assert_eq!(dense(&read_matrix::<f32>(packed).unwrap()), single);
    let text = header("'<f4'", "(2, 2)").replace("False", "True");
    let data: Vec<u8> = [1_f32, 2.0, 3.0, 4.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let MatrixData::Dense(x) =
        read_matrix::<f32>(folder.write("f.npy", npy(3, &text, &data))).unwrap()
    else {
        panic!("it is dense");
    };
    assert_eq!(x, array![[1.0, 3.0], [2.0, 4.0]]);
    assert_eq!(
        x,
        Array2::from_shape_vec((2, 2).f(), vec![1.0, 2.0, 3.0, 4.0]).unwrap()
    );
    assert_eq!(x.shape(), [2, 2]);
    assert_eq!(LinearOperator::shape(&x), (2, 2));
}

#[test]
fn the_content_decides_and_what_is_not_read_is_named() {
    let folder = Folder::new();
    let text = "%%MatrixMarket matrix coordinate pattern general\n1 1 1\n1 1\n";
    for (name, content) in [
        ("a.txt", text.into()),
        ("b.mtx", gzip(text)),
        ("c", gzip(text)),
    ] {
        assert!(
            read_matrix::<f32>(folder.write(name, content)).is_ok(),
            "{name}"
        );
    }
    for (name, content, word) in [
        ("a.csv", &b"1,2\n"[..], ".npy (NumPy) and .mtx"),
        ("a.npz", b"PK\x03\x04....", "zip archive"),
        ("a.npy", b"1 2 3", "not an npy file"),
        ("a.mtx.gz", b"%%MatrixMarket", "not gzip data"),
        ("a.mtx", b"", "empty"),
        ("a.mtx.gz", &gzip(""), "empty"),
    ] {
        parse_place(read_matrix::<f32>(folder.write(name, content)), &[word]);
    }
    for name in ["x.npy", "x.mtx", "x.bin"] {
        let refused = read_matrix::<f32>(folder.write(name, b"\x80\x04\x95\x10\0\0\0\0\0\0\0]"));
        assert!(matches!(refused, Err(Error::PickleRefused { .. })));
    }
}

#[test]
fn a_damaged_gzip_file_is_damage_of_the_data() {
    let folder = Folder::new();
    let body: String = (1..=2000).map(|i| format!("{i} {i} 0.{i}\n")).collect();
    let packed = gzip(format!(
        "%%MatrixMarket matrix coordinate real general\n2000 2000 2000\n{body}"
    ));
    let whole = read_matrix::<f64>(folder.write("x.mtx.gz", &packed)).unwrap();
    for cut in (0..packed.len()).step_by(97) {
        let refused = read_matrix::<f64>(folder.write("x.mtx.gz", &packed[..cut]));
        assert!(matches!(refused, Err(Error::Parse { .. })), "{cut}");
        let mut flipped = packed.clone();
        flipped[cut] ^= 1;
        // Some bits of a gzip file mean nothing; then the content is the same.
        match read_matrix::<f64>(folder.write("x.mtx.gz", &flipped)) {
            Ok(read) => assert!(read == whole, "{cut}"),
            Err(error) => assert!(matches!(error, Error::Parse { .. }), "{cut}: {error}"),
        }
    }
}

#[test]
fn row_58_what_is_no_readable_file_names_its_path() {
    refuses_what_is_no_file(|path| read_matrix::<f32>(path));
    let folder = Folder::new();
    assert!(matches!(
        write_npy(folder.at("missing/x.npy"), &array![[1.0]]),
        Err(Error::Io { .. })
    ));
}
