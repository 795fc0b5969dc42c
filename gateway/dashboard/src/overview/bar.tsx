// Numbers of one whole, side by side, over a bar that shows their parts; each leads to its list.

import { count } from "../core/format";

export interface Part {
  name: string;
  value: number;
  /** What gives it its colour. */
  tone: string;
  to: string;
}

export function Bar({ parts }: { parts: Part[] }) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  return (
    <div class="parts">
      <div class="parts-bar" aria-hidden="true">
        {whole
          ? parts.map((part) =>
              part.value ? <span key={part.name} class={`fill-${part.tone}`} style={{ flexGrow: part.value }} /> : null,
            )
          : null}
      </div>
      <ul class="parts-list">
        {parts.map((part) => (
          <li key={part.name}>
            <a class={part.value ? "part" : "part none"} href={part.to}>
              <span class="part-name">
                <span class={`swatch fill-${part.tone}`} aria-hidden="true" />
                {part.name}
              </span>{" "}
              <span class="part-value">{count(part.value)}</span>
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
