// Free objects, such as specs and settings: read as JSON, shown as a list.

import { Refusal } from "../core/api";

export const JSON_HINT = "A JSON object; may be empty.";

/** Raises Refusal with what is wrong, at the field of that name. */
export function readObject(field: string, text: string): Record<string, unknown> {
  if (!text.trim()) return {};
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw new Refusal(400, "This is no JSON.", "NO_JSON", { [field]: `This is no JSON. ${why}` });
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const message = 'Must be an object, such as {"interval_seconds": 5}.';
    throw new Refusal(400, message, "NO_JSON", { [field]: message });
  }
  return given as Record<string, unknown>;
}

export function ObjectList({ of }: { of: Record<string, unknown> }) {
  const entries = Object.entries(of).sort(([one], [other]) => one.localeCompare(other));
  return (
    <dl class="facts">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt class="mono" title={name}>
            {name}
          </dt>
          <dd class={typeof value === "object" && value !== null ? "mono" : ""}>
            {typeof value === "string" ? value : JSON.stringify(value)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
