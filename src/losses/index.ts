export { binaryCrossEntropy } from "./binary-cross-entropy.ts";
export { domainBalancedWeights } from "./domain-balance.ts";
export { squaredError } from "./squared-error.ts";
