import { render } from "preact";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";
import { App } from "./app";
import "./core/theme";
import { begin } from "./core/session";

const root = document.getElementById("root");
if (root) render(<App />, root);
void begin();
