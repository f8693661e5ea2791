import { runPages } from "./run-pages.ts";

runPages("verbs");
