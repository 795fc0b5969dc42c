// A labelled field, with what it is for and what is wrong with it.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Given {
  label: string;
  hint?: string | undefined;
  problem?: string | undefined;
  children: (field: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ComponentChildren;
}

export function Field({ label, hint, problem, children }: Given) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-said`, "aria-invalid": Boolean(problem) })}
      <p id={`${id}-said`} class={problem ? "field-problem" : "field-hint"}>
        {problem || hint || ""}
      </p>
    </div>
  );
}
