// What was done, said in a corner for some seconds.

import { signal } from "@preact/signals";
import { Icon } from "./icon";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const SHOWN_MS = 5_000;
const toasts = signal<Toast[]>([]);
let last = 0;

export function say(text: string, bad = false): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-2), { id, text, bad }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }, SHOWN_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={toast.bad ? "toast bad" : "toast"}>
          <Icon name={toast.bad ? "warning" : "check"} />
          {toast.text}
        </div>
      ))}
    </div>
  );
}
