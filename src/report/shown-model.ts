/** Whose figures stand where a page has room for one model alone. */
import type { ReportInput } from "./report-input.ts";

/** ` of NAME` where several models are compared; nothing where there is one. */
export function ofShownModel({ shownModel }: Pick<ReportInput, "shownModel">): string {
  return shownModel === undefined ? "" : ` of ${shownModel}`;
}
