/** The frame of the page: where one can go, and the view that the address names. */
import { useEffect, useRef } from "preact/hooks";
import type { StudioInfo } from "../api.ts";
import { Boundary } from "./boundary.tsx";
import { ClaimsView } from "./claims-view.tsx";
import { CompareView } from "./compare-view.tsx";
import { DatasetsView } from "./datasets-view.tsx";
import { Trouble } from "./parts.tsx";
import { linkTo, useRoute } from "./route.ts";
import { RunView } from "./run-view.tsx";
import { RunsView } from "./runs-view.tsx";
import { ServingView } from "./serving-view.tsx";
import { useAnswer } from "./use-answer.ts";

const places = [
  ["runs", "Runs"],
  ["claims", "Claims"],
  ["data", "Data"],
  ["serving", "Serving"],
] as const;

/** Views that belong to another's place. */
const within: { readonly [view: string]: string } = { run: "runs", compare: "runs" };

export function App() {
  const { view, values } = useRoute();
  const info = useAnswer<StudioInfo>("api/info");
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const at = `${view}?${values}`;
  // A new view begins at its top, for eyes and for screen readers.
  useEffect(() => {
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [at]);
  const { value, error, again } = info;
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        To the content
      </button>
      <header class="side">
        <p class="brand">
          Millrace <span>studio</span>
        </p>
        <nav aria-label="Places">
          <ul>
            {places.map(([name, title]) => (
              <li key={name}>
                <a href={linkTo(name)} aria-current={(within[view] ?? view) === name ? "page" : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        {value === undefined ? undefined : (
          <p class="where">
            <span title={value.folder}>{value.folder}</span>
            <span>version {value.version}</span>
          </p>
        )}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {error === undefined ? (
          <Boundary key={at} what="This view">
            <View view={view} values={values} info={value} />
          </Boundary>
        ) : (
          <>
            <h1>The studio does not let this page in</h1>
            <Trouble error={error} again={again} />
          </>
        )}
      </main>
    </>
  );
}

function View({
  view,
  values,
  info,
}: {
  readonly view: string;
  readonly values: URLSearchParams;
  readonly info: StudioInfo | undefined;
}) {
  switch (view) {
    case "runs":
      return <RunsView />;
    case "run":
      return <RunView key={values.get("id")} id={values.get("id") ?? ""} />;
    case "compare":
      return <CompareView ids={values.getAll("id")} />;
    case "claims":
      return <ClaimsView open={values.get("id") ?? undefined} />;
    case "data":
      return <DatasetsView />;
    case "serving":
      return <ServingView address={info?.serving} known={info !== undefined} />;
    default:
      return (
        <>
          <h1>Nothing is here</h1>
          <p>
            There is no view called “{view}”. <a href={linkTo("runs")}>To the runs</a>
          </p>
        </>
      );
  }
}
