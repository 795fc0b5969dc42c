// A view whose code comes when it is first shown, so that the first view is there sooner.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failed, Loading } from "./states";

export function lazyView<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [Found, setFound] = useState<ComponentType<P> | undefined>(() => loaded);
    const [error, setError] = useState<unknown>();
    useEffect(() => {
      if (loaded) return;
      load().then(
        (found) => {
          loaded = found;
          setFound(() => found);
        },
        // After a release the file of the page before is gone.
        () => setError(new Error("This view could not be loaded. Is there a new release? Load the page again.")),
      );
    }, []);
    if (error) return <Failed error={error} again={() => location.reload()} />;
    return Found ? <Found {...props} /> : <Loading />;
  };
}
