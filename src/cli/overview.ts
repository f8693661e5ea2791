/** What bare `millrace` says. */
export function overview(version: string): string {
  return `Millrace ${version}: from a log of clicks to a ranking model.

  Try it        millrace recipe quickstart             a generated world, three models, one report
  Your data     millrace train clicks.csv --label click
  Look first    millrace inspect clicks.csv -o config.yaml
                millrace validate config.yaml
                millrace train config.yaml --out runs/first
  Then          millrace evaluate runs/first
                millrace predict runs/first new.csv -o predictions.csv
                millrace export runs/first -o model.onnx

\`millrace --help\` lists all verbs, \`millrace VERB --help\` explains one.`;
}
