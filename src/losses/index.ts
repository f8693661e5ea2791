export { binaryCrossEntropy } from "./binary-cross-entropy.ts";
export { squaredError } from "./squared-error.ts";
