/** What `millrace validate` finds, as it tells it: errors first, each with its places and what training does. */
import { formatCount, formatSeconds, formatSignificant } from "../../report/drawing/index.ts";
import type { Validation } from "../api.ts";
import { Badge, Table } from "./parts.tsx";

export function Problems({ validation: { report, seconds } }: { readonly validation: Validation }) {
  const { ok, counts, splits, problems } = report;
  return (
    <div class="problems">
      <p role="status">
        <Badge kind={ok ? "holds" : "does-not-hold"}>
          {ok ? "can be trained on" : "training would stop"}
        </Badge>{" "}
        {formatCount(counts.error)} errors, {formatCount(counts.warning)} warnings, {formatCount(counts.info)}{" "}
        notes, in {formatSeconds(seconds)}.
      </p>
      <Table
        caption="Splits"
        columns={[{ title: "split" }, { title: "rows", numeric: true }, { title: "mean of labels" }]}
        rows={Object.entries(splits).map(([name, split]) => [
          name,
          formatCount(split?.rows ?? 0),
          Object.entries(split?.labelMeans ?? {})
            .map(([label, mean]) => `${label} ${mean === null ? "unknown" : formatSignificant(mean)}`)
            .join(", "),
        ])}
      />
      <ul class="found">
        {problems.map((problem, k) => (
          <li key={k} class={problem.severity}>
            <p>
              <Badge kind={problem.severity}>{problem.severity}</Badge>{" "}
              {[problem.split, problem.column].filter((part) => part !== undefined).join(", ")}
              {problem.split === undefined && problem.column === undefined ? "" : ": "}
              {problem.message}
            </p>
            {problem.examples.length === 0 ? undefined : (
              <ul class="places">
                {problem.examples.map(({ file, row, value }) => (
                  <li key={`${file} ${row}`}>
                    <code>
                      {file}:{row}
                    </code>{" "}
                    {value === null ? "empty" : JSON.stringify(value)}
                  </li>
                ))}
              </ul>
            )}
            {problem.effect === "nothing" ? undefined : <p class="note">Effect: {problem.effect}.</p>}
            {problem.hint === undefined ? undefined : <p class="note">Hint: {problem.hint}</p>}
          </li>
        ))}
      </ul>
    </div>
  );
}
