export { DirectoryCheckpoints } from "./directory-checkpoints.ts";
