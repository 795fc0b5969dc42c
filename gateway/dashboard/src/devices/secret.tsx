// A secret that is told this once.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Credential } from "../core/types";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";

interface Props {
  title: string;
  credential: Credential;
  onClose: () => void;
  children?: ComponentChildren;
}

/** Not to be dismissed by a click beside it: what is not kept is gone. */
export function SecretDialog({ title, credential, onClose, children }: Props) {
  return (
    <Dialog title={title} onClose={onClose} dismissable={false}>
      {children}
      <p class="note warn">
        The secret is shown this once and kept nowhere. Give it to the device now, or renew it later.
      </p>
      <Copied label="Serial number" text={credential.serial_number} />
      <Copied label="Secret" text={credential.secret} first />
      <div class="dialog-foot">
        <button type="button" class="button primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}

function Copied({ label, text, first = false }: { label: string; text: string; first?: boolean }) {
  const shown = useRef<HTMLElement>(null);
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // Browsers give the clipboard to https and localhost alone: it is marked, for the keyboard to copy.
      if (shown.current) getSelection()?.selectAllChildren(shown.current);
      setSaid("Marked: copy it with the keyboard");
    }
  };
  return (
    <div class="copied">
      <span class="copied-label">{label}</span>
      <code ref={shown} class="copied-text">
        {text}
      </code>
      <button
        type="button"
        class="button small"
        onClick={copy}
        aria-label={`Copy the ${label.toLowerCase()}`}
        {...(first ? { "data-autofocus": true } : {})}
      >
        <Icon name={said === "Copied" ? "check" : "copy"} size={14} />
        {said === "Copied" ? "Copied" : "Copy"}
      </button>
      <span class="visually-hidden" role="status">
        {said}
      </span>
    </div>
  );
}
