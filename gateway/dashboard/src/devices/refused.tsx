// What the server refused, where no field is to blame.

import { inWords, Refusal } from "../core/api";

/** `fields`: those that say themselves what is wrong with them. */
export function Refused({ error, fields }: { error: unknown; fields: string[] }) {
  if (!error) return null;
  if (error instanceof Refusal && fields.some((field) => error.fields[field])) return null;
  return (
    <p class="note bad" role="alert">
      {inWords(error)}
    </p>
  );
}
