export { type GradOptions, grad, reachedBy, reaches, topological } from "./grad.ts";
export { scan, type ScanOptions, type ScanStep } from "./scan.ts";
