/** Keeps what cannot be drawn, such as files of another version, from taking the rest of the page with it. */
import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";

export function Boundary({
  what,
  children,
}: {
  /** Begins the sentence: what cannot be shown. */
  readonly what: string;
  readonly children: ComponentChildren;
}) {
  const [error] = useErrorBoundary() as [unknown, () => void];
  if (error === undefined) return <>{children}</>;
  return (
    <div class="alert" role="alert">
      <p>
        <strong>{what} cannot be shown</strong>: {error instanceof Error ? error.message : String(error)}
      </p>
    </div>
  );
}
