// What an action wants to know.

import { useState } from "preact/hooks";
import { Refusal } from "../core/api";
import { Field } from "../ui/field";
import { type Action, KINDS } from "./actions";
import { usePlaces, useSuggestions } from "./known";
import { Refused } from "./refused";

interface Props {
  action: Action;
  problem: unknown;
  many?: boolean;
  reservedFor?: string;
  /** Where it is now. */
  location?: string;
}

const FIELDS = ["location", "reserved_for", "until", "notes"];

export function ActionFields({ action, problem, many = false, reservedFor = "", location = "" }: Props) {
  const places = useSuggestions(usePlaces());
  const bad = problem instanceof Refusal ? problem.fields : {};
  const kind = KINDS[action];
  return (
    <>
      {kind.location !== "none" ? (
        <Field
          label={action === "maintenance" ? "Workshop" : action === "recall" ? "Warehouse" : "Location"}
          hint={kind.location === "may" ? "Empty: it stays where it is." : location ? `Now: ${location}` : undefined}
          problem={bad.location}
        >
          {(field) => (
            <input
              {...field}
              class="input"
              name="location"
              list={places.id}
              maxLength={100}
              autocomplete="off"
              required={kind.location === "needed"}
              data-autofocus
            />
          )}
        </Field>
      ) : null}
      {places.list}
      {action === "reserve" ? (
        <div class="pair">
          <Field label="For" hint="Whom or what." problem={bad.reserved_for}>
            {(field) => (
              <input {...field} class="input" name="for" maxLength={100} autocomplete="off" required data-autofocus />
            )}
          </Field>
          <Field label="Until" hint="Empty: until it is released." problem={bad.until}>
            {(field) => <input {...field} class="input" name="until" type="datetime-local" />}
          </Field>
        </div>
      ) : null}
      {action === "deploy" ? <ForWhom many={many} reservedFor={reservedFor} problem={bad.reserved_for} /> : null}
      <Field label="Notes" hint="Kept in its log." problem={bad.notes}>
        {(field) => <textarea {...field} class="input" name="notes" rows={2} maxLength={10_000} />}
      </Field>
      {action === "retire" ? (
        <label class="check">
          <input type="checkbox" required data-autofocus />
          <span>{many ? "They are retired for good." : "It is retired for good."} There is no way back.</span>
        </label>
      ) : null}
      <Refused error={problem} fields={FIELDS} />
    </>
  );
}

/** A reserved device goes to whom it was reserved for, or is taken all the same. */
function ForWhom(given: { many: boolean; reservedFor: string; problem: string | undefined }) {
  const [whom, setWhom] = useState(given.reservedFor);
  if (!given.many && !given.reservedFor) return null;
  const other = given.many || whom.trim().toLowerCase() !== given.reservedFor.toLowerCase();
  return (
    <>
      <Field
        label="For"
        hint={given.many ? "Whom they were reserved for; empty for those that were not." : undefined}
        problem={given.problem}
      >
        {(field) => (
          <input
            {...field}
            class="input"
            name="for"
            maxLength={100}
            autocomplete="off"
            value={whom}
            onInput={(event) => setWhom(event.currentTarget.value)}
          />
        )}
      </Field>
      {other ? (
        <label class="check">
          <input type="checkbox" name="override" />
          <span>
            {given.many
              ? "Take also those that are reserved for somebody else"
              : `Take it although it is reserved for ${given.reservedFor}`}
          </span>
        </label>
      ) : null}
    </>
  );
}
