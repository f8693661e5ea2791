export { readModel, saveModel, type SaveModelOptions } from "./model-file.ts";
