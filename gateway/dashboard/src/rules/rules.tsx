// The rules: what raises an alert.

import { useState } from "preact/hooks";
import "../style/alerts.css";
import { openAlerts } from "../core/alerts";
import { inWords, put } from "../core/api";
import { count } from "../core/format";
import { href } from "../core/router";
import { mayAdminister } from "../core/session";
import type { Rule } from "../core/types";
import { Title } from "../shell";
import { SeverityBadge } from "../ui/badges";
import { Icon } from "../ui/icon";
import { Empty, Failed, Loading } from "../ui/states";
import { say } from "../ui/toast";
import { Delete } from "./delete";
import { Editor } from "./editor";
import { meaning, useRules } from "./known";

type Open = { what: "new" } | { what: "edit" | "delete"; rule: Rule };

export function Rules() {
  const rules = useRules();
  const [open, setOpen] = useState<Open | null>(null);
  const close = (changed: boolean) => {
    setOpen(null);
    if (changed) rules.again();
  };
  const make = mayAdminister.value ? (
    <button type="button" class="button primary" onClick={() => setOpen({ what: "new" })}>
      <Icon name="plus" />
      New rule
    </button>
  ) : null;
  return (
    <>
      <Title>Rules</Title>
      <div class="page-head">
        <h1 id="rules-title">Rules</h1>
        {make}
      </div>
      <section class="card" aria-labelledby="rules-title">
        {rules.data?.length ? (
          <ul class="rules" aria-label="Rules">
            {rules.data.map((rule) => (
              <RuleItem
                key={rule.id}
                rule={rule}
                onChange={(now) => rules.change((before) => before.map((one) => (one.id === now.id ? now : one)))}
                onAct={(what) => setOpen({ what, rule })}
              />
            ))}
          </ul>
        ) : rules.data ? (
          <Empty icon="rules" title="There are no rules, so nothing raises an alert." />
        ) : rules.error ? null : (
          <Loading lines={6} />
        )}
        {rules.error ? <Failed error={rules.error} again={rules.again} /> : null}
      </section>
      {open?.what === "delete" ? <Delete rule={open.rule} onClose={close} /> : null}
      {open?.what === "edit" ? <Editor rule={open.rule} onClose={close} /> : null}
      {open?.what === "new" ? <Editor onClose={close} /> : null}
    </>
  );
}

interface Given {
  rule: Rule;
  onChange: (now: Rule) => void;
  onAct: (what: "edit" | "delete") => void;
}

function RuleItem({ rule, onChange, onAct }: Given) {
  const raised = openAlerts.value.filter((alert) => alert.rule_id === rule.id).length;
  return (
    <li class={rule.enabled ? "rule" : "rule disabled"} data-rule={rule.id}>
      <Enabled rule={rule} onChange={onChange} />
      <div class="rule-what">
        <span class="rule-name">{rule.name}</span>
        <span class="quiet">{meaning(rule)}</span>
      </div>
      <div class="rule-scope">
        <Scope rule={rule} />
      </div>
      <SeverityBadge severity={rule.severity} />
      <span class="rule-raised">
        {raised ? <a href={href("/alerts", { rule_id: rule.id })}>{count(raised)} open</a> : null}
      </span>
      {mayAdminister.value ? (
        <div class="rule-acts">
          <button type="button" class="icon-button" aria-label={`Edit ${rule.name}`} onClick={() => onAct("edit")}>
            <Icon name="edit" />
          </button>
          <button type="button" class="icon-button" aria-label={`Delete ${rule.name}`} onClick={() => onAct("delete")}>
            <Icon name="bin" />
          </button>
        </div>
      ) : null}
    </li>
  );
}

function Enabled({ rule, onChange }: Pick<Given, "rule" | "onChange">) {
  const [busy, setBusy] = useState(false);
  if (!mayAdminister.value)
    return <span class={rule.enabled ? "on-off on" : "on-off"}>{rule.enabled ? "On" : "Off"}</span>;
  const turn = async (enabled: boolean) => {
    setBusy(true);
    try {
      onChange(await put<Rule>(`/monitoring/rules/${rule.id}`, { ...rule, enabled }));
      say(`${rule.name} is ${enabled ? "on" : "off"}`);
    } catch (error) {
      // As it was; a switch shows what it is, not what was wanted.
      onChange({ ...rule });
      say(inWords(error), true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <input
      type="checkbox"
      role="switch"
      aria-checked={rule.enabled}
      class="switch"
      aria-label={`${rule.name}: enabled`}
      title={rule.enabled ? "Turn off: its open alerts are closed" : "Turn on"}
      checked={rule.enabled}
      disabled={busy}
      onChange={(event) => turn(event.currentTarget.checked)}
    />
  );
}

function Scope({ rule }: { rule: Rule }) {
  if (rule.device_id) return <a href={href(`/devices/${rule.device_id}`)}>Device {rule.device_id}</a>;
  if (rule.device_type) {
    return (
      <>
        Type <a href={href("/devices", { type: rule.device_type })}>{rule.device_type}</a>
      </>
    );
  }
  return <>All devices</>;
}
