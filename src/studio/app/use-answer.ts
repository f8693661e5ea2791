/** An answer of the server that a view shows, asked for again every few seconds while the page is seen. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { askText, type Query, type Refused } from "./ask.ts";

export interface Answer<T> {
  /** Undefined before the first answer. */
  readonly value: T | undefined;
  readonly error: Refused | undefined;
  readonly again: () => void;
}

/** @param everyMs 0: only once */
export function useAnswer<T>(path: string, query: Query = {}, everyMs = 0): Answer<T> {
  const [answer, setAnswer] = useState<{ key: string; text: string; value: T } | undefined>();
  const [error, setError] = useState<Refused>();
  const [round, setRound] = useState(0);
  const key = JSON.stringify([path, query]);
  const shown = useRef("");
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (document.hidden && shown.current === key) {
        timer = setTimeout(look, Math.max(everyMs, 1000));
        return;
      }
      try {
        const text = await askText(path, query, stop.signal);
        if (stop.signal.aborted) return;
        shown.current = key;
        setError(undefined);
        // The same text is the same view: nothing is drawn anew.
        setAnswer((before) =>
          before?.key === key && before.text === text ? before : { key, text, value: JSON.parse(text) as T },
        );
      } catch (refused) {
        if (stop.signal.aborted) return;
        setError(refused as Refused);
      }
      if (everyMs > 0) timer = setTimeout(look, everyMs);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { value: answer?.key === key ? answer.value : undefined, error, again };
}
