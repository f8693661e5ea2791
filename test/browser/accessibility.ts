/** What axe-core finds wrong with a page, by WCAG 2.2 A and AA and its own best practices. */
import axe from "axe-core";
import type { Page } from "playwright-core";

/**
 * Rules broken, each with the elements that break it.
 *
 * @param rules only these, by name
 */
export async function accessibilityProblems(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(axe.source);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  return (await page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.map(({ id, help, nodes }) => id + ": " + help + " at " + nodes.map(({ target }) => target.join(" ")).join(", "))
  )`)) as string[];
}
