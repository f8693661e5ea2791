/**
 * The order of test files: those that start programs, browsers or whole trainings begin first, so that at the end no worker
 * is left alone with a long one. Among the others vitest's own order stays: the longest of the last run, else the largest.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const long = /\/test\/(contracts|docs|packaging|cli|studio|resume|browser|serving)\//;

export default class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => (long.test(moduleId) ? 0 : 1);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
