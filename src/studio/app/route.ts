/** Views by the fragment of the address: `#/run?id=a/b` is the view `run` with one value. */
import { useEffect, useState } from "preact/hooks";

export interface Route {
  readonly view: string;
  readonly values: URLSearchParams;
}

function routeOf(hash: string): Route {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  return { view: path === "" ? "runs" : path, values: new URLSearchParams(search) };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(routeOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** @param values lists give one entry each */
export function linkTo(
  view: string,
  values: { readonly [name: string]: string | readonly string[] } = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of typeof value === "string" ? [value] : value) search.append(name, one);
  }
  const text = search.toString();
  return `#/${view}${text === "" ? "" : `?${text}`}`;
}
