// A view that is drawn again only when what it shows has changed.
import { Component, type ComponentType, h } from "preact";

/**
 * Callbacks do not count: a new one must do the same as the first, so it may not depend on what is
 * drawn.
 */
export function memoized<P extends object>(View: ComponentType<P>): ComponentType<P> {
  return class Memoized extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as Record<string, unknown>;
      return Object.entries(next).some(
        ([name, value]) => typeof value !== "function" && value !== now[name],
      );
    }

    override render() {
      return h(View, this.props as never);
    }
  };
}
