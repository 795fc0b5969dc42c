// What is shown while something loads, when there is nothing, and when it failed.

import type { ComponentChildren } from "preact";
import { inWords } from "../core/api";
import { Icon, type IconName } from "./icon";

export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} class="bone" />
      ))}
    </div>
  );
}

export function Empty({
  icon = "box",
  title,
  children,
}: {
  icon?: IconName;
  title: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} size={28} />
      <p class="empty-title">{title}</p>
      {children ? <div class="quiet">{children}</div> : null}
    </div>
  );
}

export function Failed({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <div class="failed" role="alert">
      <Icon name="warning" />
      <span>{inWords(error)}</span>
      {again ? (
        <button type="button" class="button small" onClick={again}>
          Try again
        </button>
      ) : null}
    </div>
  );
}
