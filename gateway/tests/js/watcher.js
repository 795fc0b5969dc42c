// The official JavaScript client, told what to do in lines of JSON, and telling in lines of JSON what it hears.

import readline from "node:readline";
import { io } from "socket.io-client";

const tell = (name, data) => process.stdout.write(`${JSON.stringify([name, data ?? null])}\n`);

let socket;

const does = {
  connect({ url, path, auth }) {
    socket = io(url, { path, auth, transports: ["websocket"], reconnectionDelay: 50 });
    socket.on("connect", () => tell("connect"));
    socket.on("connect_error", ({ message, data }) => tell("connect_error", { message, data, active: socket.active }));
    socket.on("disconnect", (reason) => tell("disconnect", { reason, active: socket.active }));
    socket.onAny(tell);
  },
  async call({ event, data }) {
    tell("answer", await socket.timeout(10_000).emitWithAck(event, data));
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { what, ...given } = JSON.parse(line);
  await does[what](given);
}
socket?.disconnect();
