// What narrows the list of alerts down.

import { openCount } from "../core/alerts";
import { count, words } from "../core/format";
import { href, query } from "../core/router";
import type { Rule, Severity } from "../core/types";
import { DevicePicker } from "../ui/devicepicker";
import { narrowed, type State, want, wantAll, wanted } from "./wanted";

const STATES: { state: State; name: string }[] = [
  { state: "active", name: "Open" },
  { state: "resolved", name: "Resolved" },
  { state: "all", name: "All" },
];

export function States() {
  const others = Object.fromEntries(query.value);
  return (
    <nav class="segments" aria-label="State">
      {STATES.map(({ state, name }) => (
        <a
          key={state}
          class="segment"
          href={href("/alerts", { ...others, state: state === "active" ? undefined : state })}
          aria-current={wanted.value.state === state ? "true" : undefined}
        >
          {name}
          {state === "active" && openCount.value ? <span class="quiet"> {count(openCount.value)}</span> : null}
        </a>
      ))}
    </nav>
  );
}

export function Filters({ rules }: { rules: Rule[] }) {
  const { severity, device_id, rule_id } = wanted.value;
  return (
    <search class="alert-filters">
      <select
        class={severity ? "select chosen" : "select"}
        aria-label="Severity"
        value={severity}
        onChange={(event) => want({ severity: event.currentTarget.value as Severity | "" })}
      >
        <option value="">Any severity</option>
        {(["critical", "warning", "info"] as const).map((each) => (
          <option key={each} value={each}>
            {words(each)}
          </option>
        ))}
      </select>
      <select
        class={rule_id ? "select chosen" : "select"}
        aria-label="Rule"
        value={rule_id}
        onChange={(event) => want({ rule_id: event.currentTarget.value })}
      >
        <option value="">Any rule</option>
        {rules.map((rule) => (
          <option key={rule.id} value={rule.id}>
            {rule.name}
          </option>
        ))}
        {rule_id && !rules.some((rule) => rule.id === rule_id) ? (
          <option value={rule_id}>A rule that is gone</option>
        ) : null}
      </select>
      <DevicePicker
        field={{ "aria-label": "Device", class: device_id ? "input chosen" : "input" }}
        placeholder="Device: name or serial number"
        device={device_id}
        onChoose={(device) => want({ device_id: device })}
      />
      {narrowed.value ? (
        <button type="button" class="link" onClick={wantAll}>
          Clear filters
        </button>
      ) : null}
    </search>
  );
}
