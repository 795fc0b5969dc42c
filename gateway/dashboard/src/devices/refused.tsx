// What the server refused: at the field that is to blame, or below all of them.

import { useEffect, useRef } from "preact/hooks";
import { inWords, Refusal } from "../core/api";

/** `fields`: those that say themselves what is wrong with them; the first such gets the keyboard. */
export function Refused({ error, fields }: { error: unknown; fields: string[] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (error) place.current?.closest("form")?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus();
  }, [error]);
  const said = error instanceof Refusal && fields.some((field) => error.fields[field]);
  return (
    <div ref={place} class={error && !said ? "note bad" : "refused-nothing"} role="alert">
      {error && !said ? inWords(error) : null}
    </div>
  );
}
