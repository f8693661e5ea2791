/** A component that is drawn again only when its properties have changed. */
import { Component, type ComponentChild, type FunctionComponent, h } from "preact";

export function memo<P extends object>(
  draw: (properties: P) => ComponentChild,
  areEqual: (before: P, after: P) => boolean,
): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !areEqual(this.props, next);
    }
    override render(): ComponentChild {
      return draw(this.props);
    }
  }
  return (properties: P) => h(Memo, properties);
}
