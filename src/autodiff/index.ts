export { type GradOptions, grad, reaches, topological } from "./grad.ts";
