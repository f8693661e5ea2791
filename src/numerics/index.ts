export { effectiveRank } from "./effective-rank.ts";
export { type DenseMatrix, gramMatrix } from "./gram-matrix.ts";
export { cholesky, invertPositiveDefinite } from "./invert-positive-definite.ts";
export { informationAbundance } from "./information-abundance.ts";
export { type PrincipalComponents, principalComponents } from "./principal-components.ts";
export { randomAbundance } from "./random-abundance.ts";
export { rankCorrelation } from "./rank-correlation.ts";
export { singularValues } from "./singular-values.ts";
export { studentTCdf, studentTQuantile } from "./student-t.ts";
