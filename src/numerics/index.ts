export { type DenseMatrix, gramMatrix } from "./gram-matrix.ts";
export { informationAbundance } from "./information-abundance.ts";
export { singularValues } from "./singular-values.ts";
export { studentTCdf, studentTQuantile } from "./student-t.ts";
