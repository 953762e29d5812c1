//! The list of inputs and faults, by number: what happens to each.

/// Number, exit code, command, and what is to be seen: part of the refusal for codes above 0; for 0, `/field = value`
/// of the JSON object (numbers to 1e-6) or part of the output or the notices. `{}` stands for
/// `--rank 2 --model out.safetensors`, `[]` for `--rank 2 --json`.
pub(super) const ROWS: &str = r#"
# Matrices.
1 3 fit svd nan.npy {} -> nan.npy: the entry at row 1, column 0 (counted from 0) is NaN
1 3 fit pca nan.npz {} -> nan.npz: the entry at row 0, column 1 (counted from 0) is NaN
1 3 fit nmf nan.mtx {} -> nan.mtx:3:3: "nan" is not a finite number
2 3 fit nmf infinite.npy {} -> row 1, column 0 (counted from 0) is inf
3 3 fit nmf negative.npy {} -> negative.npy: the entry at row 1, column 0 (counted from 0) is -4
4 0 fit nmf minus-zero.npy [] -> /stop = converged
5 0 fit svd subnormal.npy [] -> /relative_error = 0
5 0 fit nmf subnormal.npy [] -> /algorithm = nmf
6 3 fit svd near-maximum.npy {} -> the largest singular value overflows f32: scale the input down or use --precision f64
6 0 fit svd near-maximum.npy [] --precision f64 -> /relative_error = 0
6 0 fit nmf near-maximum.npy [] -> /algorithm = nmf
6 0 fit nmf near-maximum.npy [] --precision f64 -> /algorithm = nmf
7 0 fit svd near-minimum.npy [] -> /relative_error = 0
8 3 fit svd no-rows.npy {} -> no-rows.npy: the input is empty (0 x 3
8 3 fit nmf no-columns.npy {} -> the input is empty (3 x 0
8 3 fit nmf no-rows.mtx {} -> the input is empty (0 x 3
8 3 fit als empty.tsv {} -> empty.tsv: the file is empty
8 3 fit als header.csv {} -> the file has no ratings
9 0 fit svd one-row.npy --rank 1 --json -> /relative_error = 0
9 0 fit nmf one-column.npy --rank 1 --json -> /shape/1 = 1
9 0 fit svd one.npy --rank 1 --json -> /relative_error = 0
9 0 fit als one.tsv [] -> /stored = 1
10 0 fit svd zeros.npy [] -> /stop = converged
10 0 fit nmf zeros.npy [] -> /objective = 0
11 0 fit nmf zero-row-and-column.npy [] -> /stored = 16
11 0 fit svd zero-row-and-column.npy [] -> /rank = 2
12 0 fit svd constant.npy --rank 1 --json -> /relative_error = 0
12 0 fit nmf constant.npy --rank 1 --json -> /rank = 1
13 0 fit svd constant.npy [] -> /relative_error = 0
14 2 fit svd good.npy --rank 0 -> --rank 0 is not allowed: it must be at least 1
14 2 fit als good.tsv --rank 0 -> --rank 0 is not allowed: it must be at least 1
15 2 fit svd good.npy --rank 4 -> --rank 4 is outside 1 to 3 for a 4 x 3 matrix: choose a smaller
15 0 fit nmf good.npy --rank 4 --json -> /rank = 4
15 0 fit als good.tsv --rank 9 --json -> /rank = 9
16 2 fit svd good.npy --rank 18446744073709551615 -> --rank 18446744073709551615
16 2 fit sgd good.tsv --rank 18446744073709551615 -> --rank 18446744073709551615
17 2 fit als one-heavy-row.tsv {} --memory-budget 1KiB -> --memory-budget 0MiB is not allowed: it must be at least
20 0 fit svd integers.npy [] -> /shape/0 = 2
20 0 fit nmf booleans.npy [] -> /shape/0 = 2
20 3 fit svd complex.npy {} -> complex.npy: the values are complex: save the real part
20 3 fit svd objects.npy {} -> objects.npy: this is a Python pickle
20 3 fit svd texts.npy {} -> texts.npy: 
21 3 fit svd above-f32.npy {} -> overflows f32: scale the input down or use --precision f64
21 0 fit svd above-f32.npy [] --precision f64 -> /relative_error = 0
21 3 fit sgd above-f32.tsv {} -> use --precision f64
# Sparse structure.
22 3 fit svd index-beyond.npz {} -> column index 9 at position 1 is outside 0..3
23 3 fit svd index-negative.npz {} -> column index -7 at position 1 is outside 0..3
24 3 fit svd pointers-fall.npz {} -> the row pointers are inconsistent at position
25 3 fit svd pointers-start.npz {} -> the row pointers are inconsistent at position 0
25 3 fit svd pointers-end.npz {} -> the row pointers are inconsistent at position
26 3 fit svd pointers-few.npz {} -> pointers-few.npz: 
27 3 fit svd lengths-differ.npz {} -> lengths-differ.npz: 
29 0 fit svd twice.npz [] -> /stored = 3
29 3 fit als twice.tsv {} -> twice.tsv:3: 
29 0 fit als twice.tsv [] --duplicates last -> /stored = 2
29 0 fit als twice.tsv [] --duplicates sum -> /stored = 2
30 0 fit als zero-rating.tsv [] -> /stored = 3
30 0 fit svd explicit-zero.npz [] -> /stored = 3
31 3 fit svd count-of-2-31.mtx {} -> the file ends after 1 of the 2147483648 entries
31 3 fit svd pointers-to-2-31.npz {} -> the row pointers are inconsistent at position
32 0 fit als wide-ids.tsv [] -> /shape/0 = 2
32 3 fit svd rows-of-2-32.mtx {} -> 4294967296 rows are more than the 4294967295 that can be indexed
33 0 fit nmf nothing-stored.mtx [] -> /objective = 0
33 0 fit svd nothing-stored.npz [] -> /stored = 0
34 0 fit als one-heavy-row.tsv [] -> /shape/1 = 400
34 0 fit nmf one-heavy-row.mtx [] -> /stored = 404
35 3 fit svd beyond-the-size.mtx {} -> the column index 4 is beyond the 3 of the size line
36 3 fit svd other-layout.npz {} -> other-layout.npz: 
# Parameters.
37 2 fit als good.tsv {} --regularization -1 -> --regularization -1 is not allowed
37 2 fit sgd good.tsv {} --regularization NaN -> --regularization NaN is not allowed
37 2 fit ials good.tsv {} --regularization inf -> --regularization inf is not allowed
38 0 fit als good.tsv [] --regularization 0 -> /algorithm = als
39 2 fit sgd good.tsv {} --learning-rate 0 -> --learning-rate 0 is not allowed
39 2 fit bpr good.tsv {} --learning-rate NaN -> --learning-rate NaN is not allowed
40 5 fit sgd good.tsv {} --learning-rate 1e6 -> choose a smaller --learning-rate or a larger --regularization
40 0 fit sgd good.tsv [] --learning-rate 1e6 --on-divergence keep-last -> /stop = diverged
41 0 fit als good.tsv [] --max-iter 0 -> /iterations = 0
41 0 fit sgd good.tsv [] --epochs 0 -> /iterations = 0
42 0 fit nmf good.npy [] --tol 0 --max-iter 7 -> /iterations = 7
42 0 fit als good.tsv [] --tol 0 --max-iter 7 -> /iterations = 7
43 0 fit nmf good.npy [] --tol 1e-12 --max-iter 2 -> /stop = max-iterations
44 0 fit ials minus.tsv [] -> /stored = 3
44 2 fit ials good.tsv {} --alpha -1 -> --alpha -1 is not allowed
45 2 fit als good.tsv {} --threads 0 -> --threads 0 is not allowed: it must be at least 1
45 0 fit als good.tsv [] --threads 1000 -> /algorithm = als
47 0 fit nmf zero-row-and-column.npy [] --init nndsvd -> /stored = 16
48 0 fit nmf zeros.npy --rank 3 --json --solver multiplicative -> /objective = 0
52 3 transform m-nmf.safetensors one-row.npy --output out.npy -> expected
53 0 predict m-als.safetensors --user nobody --item heat --json -> /unknown = 1
53 2 recommend m-als.safetensors --user nobody -> user id "nobody" is not in the model
# Files.
54 3 fit als field-missing.tsv {} -> field-missing.tsv:2:
54 3 fit als field-too-many.tsv {} -> field-too-many.tsv:2:
54 3 fit als word.tsv {} -> word.tsv:2:3: "four" is not a number
54 3 fit als comma.tsv {} -> comma.tsv:2:3: "1,5" is not a number: write a decimal point
54 3 fit als nan.tsv {} -> nan.tsv:1:3: "NaN" is not a finite number
54 3 fit als latin.tsv {} -> latin.tsv:2:2: the text is not valid UTF-8
54 0 fit als mark.csv [] -> /stored = 2
54 0 fit als carriage-returns.tsv [] -> /stored = 2
54 0 fit als empty-last-lines.tsv [] -> /stored = 2
54 3 fit als long-line.tsv {} -> long-line.tsv:2:
54 0 fit als word.tsv [] --on-error skip -> /stored = 2
54 0 fit als word.tsv --rank 2 --on-error skip -> notice: 1 lines skipped, the first of them
55 3 fit svd word.mtx {} -> word.mtx:1
55 3 fit svd short.mtx {} -> the file ends after 1 of the 2 entries
55 3 fit svd long.mtx {} -> long.mtx:5: the size line promises 2 entries, and here is one more
55 3 fit svd index-zero.mtx {} -> the row index is 0, and MatrixMarket counts from 1
55 3 fit svd above-the-diagonal.mtx {} -> lies above the diagonal
55 0 fit svd pattern.mtx --rank 1 --json -> /stored = 2
55 3 fit svd complex.mtx {} -> complex matrices are not read
55 3 fit svd negative-size.mtx {} -> the number of rows cannot be "-3"
55 3 fit svd size-of-2-63.mtx {} -> are more than the 4294967295 that can be indexed
55 3 fit svd array-of-2-62.mtx {} -> the file ends after
56 3 fit svd objects.npz {} -> objects.npz:x.npy: this is a Python pickle
56 3 fit svd header-length.npy {} -> header-length.npy: 
56 3 fit svd cut.npy {} -> cut.npy: 
56 3 fit svd longer.npy {} -> longer.npy: 
56 3 fit svd claims.npy {} -> claims.npy: 
56 3 fit svd claims.npz {} -> claims.npz:x.npy: 
56 3 fit nmf wide.npz {} -> 2 x 4000000000 for 3 entries: nearly all rows or columns would be empty
56 3 fit svd text.npz {} -> text.npz: 
57 3 fit als null.parquet {} -> null.parquet:
57 3 fit als lists.parquet {} -> there is no flat column of numbers or texts
57 3 fit als cut.parquet {} -> cut.parquet: this is not a whole Parquet file
57 0 fit als good.parquet [] -> /stored = 3
58 3 fit svd empty.npy {} -> empty.npy: the file is empty
58 4 fit svd folder {} -> folder: this is a directory
58 4 fit als pipe {} -> pipe: this is not a regular file
58 4 inspect pipe -> pipe: this is not a regular file
58 4 fit svd gone.npy {} -> gone.npy: No such file
58 4 fit als secret.tsv {} -> secret.tsv: Permission denied
58 4 fit svd good.npy --rank 2 --model none/out.safetensors -> none: no such folder
59 6 inspect cut.safetensors -> cut.safetensors: not an intact model file
59 6 inspect empty.npy -> empty.npy: not an intact model file
59 6 inspect longer.safetensors -> longer.safetensors: not an intact model file
60 6 predict flipped.safetensors --user ada --item heat -> flipped.safetensors: not an intact model file
61 6 inspect shapes.safetensors -> shapes.safetensors: not an intact model file
61 6 inspect newer.safetensors -> newer.safetensors: format version 2 is newer than this program reads (1): update matfact
62 3 inspect pickle.safetensors -> pickle.safetensors: this is a Python pickle
62 3 predict model.pkl --user ada --item heat -> model.pkl: this is a Python pickle
62 3 fit als pickle.tsv {} -> pickle.tsv: this is a Python pickle
63 6 inspect header-of-2-64.safetensors -> header-of-2-64.safetensors: not an intact model file
63 6 inspect nested.safetensors -> nested.safetensors: not an intact model file
63 6 inspect product.safetensors -> product.safetensors: not an intact model file
"#;
