export { type GradOptions, grad, reaches, topological } from "./grad.ts";
export { scan, type ScanOptions, type ScanStep } from "./scan.ts";
