// What a rule looks for: the fields of each kind.

import { useId } from "preact/hooks";
import { stats } from "../core/alerts";
import { Field } from "../ui/field";
import type { Draft } from "./draft";

export interface FormPart {
  draft: Draft;
  change: (changes: Partial<Draft>) => void;
  /** What the server found wrong, by its names of the fields. */
  problems: Record<string, string>;
}

type Labelled = Record<string, unknown>;

export function Select<T extends string>(given: {
  field: Labelled;
  value: T;
  options: Record<T, string>;
  required?: boolean;
  onChange: (value: T) => void;
}) {
  const { field, value, options, required = false, onChange } = given;
  return (
    <select
      {...field}
      class="select"
      value={value}
      required={required}
      onChange={(event) => onChange(event.currentTarget.value as T)}
    >
      {Object.entries<string>(options).map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  );
}

export function ThresholdFields({ draft, change, problems }: FormPart) {
  const above = draft.direction === "above";
  return (
    <>
      <div class="triple">
        <Metric draft={draft} change={change} problem={problems["threshold.metric"]} />
        <Field label="Is" problem={problems["threshold.direction"]}>
          {(field) => (
            <Select
              field={field}
              value={draft.direction}
              options={{ above: "above", below: "below" }}
              onChange={(direction) => change({ direction })}
            />
          )}
        </Field>
        <Field label="Limit" problem={problems["threshold.limit"]}>
          {(field) => (
            <NumberInput field={field} required value={draft.limit} onChange={(limit) => change({ limit })} />
          )}
        </Field>
      </div>
      <div class="pair">
        <Field
          label="Clears at"
          problem={problems["threshold.clear_limit"]}
          hint={`${above ? "At or below" : "At or above"} this the alert is over; in between nothing changes. Empty: the limit itself.`}
        >
          {(field) => (
            <NumberInput
              field={field}
              value={draft.clear_limit}
              placeholder={draft.limit}
              onChange={(clear_limit) => change({ clear_limit })}
              {...(draft.limit === "" ? {} : above ? { max: draft.limit } : { min: draft.limit })}
            />
          )}
        </Field>
        <Field
          label="For how many seconds"
          problem={problems["threshold.for_seconds"]}
          hint="0: the first value beyond the limit raises it."
        >
          {(field) => (
            <NumberInput
              field={field}
              value={draft.for_seconds}
              step="1"
              min="0"
              max="86400"
              onChange={(for_seconds) => change({ for_seconds })}
            />
          )}
        </Field>
      </div>
    </>
  );
}

export function AbnormalFields({ draft, change, problems }: FormPart) {
  return (
    <>
      <div class="pair">
        <Metric draft={draft} change={change} problem={problems["abnormal.metric"]} />
        <Field
          label="Standard deviations"
          problem={problems["abnormal.z_score"]}
          hint="How far a value must be from the device's mean: 2 to 20."
        >
          {(field) => (
            <NumberInput
              field={field}
              required
              min="2"
              max="20"
              value={draft.z_score}
              onChange={(z_score) => change({ z_score })}
            />
          )}
        </Field>
      </div>
      <div class="pair">
        <Field
          label="Values to learn from"
          problem={problems["abnormal.warm_up"]}
          hint="Nothing is raised before a device has sent so many."
        >
          {(field) => (
            <NumberInput
              field={field}
              required
              step="1"
              min="10"
              max="10000"
              value={draft.warm_up}
              onChange={(warm_up) => change({ warm_up })}
            />
          )}
        </Field>
        <Field
          label="Weight of the newest value"
          problem={problems["abnormal.alpha"]}
          hint="Up to 0.5. The smaller, the slower its usual changes."
        >
          {(field) => (
            <NumberInput
              field={field}
              required
              min="0.0001"
              max="0.5"
              value={draft.alpha}
              onChange={(alpha) => change({ alpha })}
            />
          )}
        </Field>
      </div>
    </>
  );
}

function Metric({ draft, change, problem }: Pick<FormPart, "draft" | "change"> & { problem: string | undefined }) {
  const list = useId();
  return (
    <Field label="Metric" problem={problem}>
      {(field) => (
        <>
          <input
            {...field}
            class="input"
            list={list}
            required
            pattern="[a-z][a-z0-9_]*"
            title="Small letters, digits and underscores"
            maxLength={64}
            autocomplete="off"
            placeholder="temperature"
            value={draft.metric}
            onInput={(event) => change({ metric: event.currentTarget.value })}
          />
          <datalist id={list}>
            {Object.keys(stats.value?.metrics ?? {})
              .sort()
              .map((name) => (
                <option key={name} value={name} />
              ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

function NumberInput(given: {
  field: Labelled;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  min?: string;
  max?: string;
  step?: string;
  placeholder?: string;
}) {
  const { field, onChange, step = "any", ...more } = given;
  return (
    <input
      {...field}
      {...more}
      class="input"
      type="number"
      step={step}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}
