// A dialog: the browser's own, which keeps the keyboard within and closes on Escape.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icon";

interface Given {
  title: string;
  onClose: () => void;
  /** With a click beside it, or Escape, nothing is lost. */
  dismissable?: boolean;
  wide?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, dismissable = true, wide = false, children }: Given) {
  const element = useRef<HTMLDialogElement>(null);
  // Whether the mouse went down beside it: text that is selected to beyond its edge is no click beside it.
  const beside = useRef(false);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      // Browsers let the key through to their own closing, which the second time in a row nothing can prevent.
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        if (dismissable) onClose();
      }}
      onCancel={(event) => {
        event.preventDefault();
        if (dismissable) onClose();
      }}
      onMouseDown={(event) => {
        beside.current = event.target === element.current;
      }}
      onClick={(event) => {
        if (dismissable && beside.current && event.target === element.current) onClose();
      }}
    >
      <div class="dialog-inside">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          {dismissable ? (
            <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          ) : null}
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface Choice {
  /** What the button says that does it, and what it says meanwhile. */
  label: string;
  working?: string;
  busy?: boolean;
  danger?: boolean;
  /** Which button has the keyboard at first; by default the dialog's first field. */
  focus?: "cancel" | "confirm";
  onCancel: () => void;
  /** Without it the button submits its form. */
  onConfirm?: () => void;
}

export function DialogFoot({ label, working = "Working …", busy = false, danger = false, ...given }: Choice) {
  return (
    <div class="dialog-foot">
      <button
        type="button"
        class="button"
        onClick={given.onCancel}
        data-autofocus={given.focus === "cancel" || undefined}
      >
        Cancel
      </button>
      <button
        type={given.onConfirm ? "button" : "submit"}
        class={danger ? "button danger" : "button primary"}
        onClick={given.onConfirm}
        disabled={busy}
        data-autofocus={given.focus === "confirm" || undefined}
      >
        {busy ? working : label}
      </button>
    </div>
  );
}
