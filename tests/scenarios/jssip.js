// A browser's telephone without a browser: JsSIP registers by WebSocket and declines every call as busy. It says what
// happens, a line each, and leaves when its input ends.
"use strict";
const [modules, url, user, password] = process.argv.slice(2);
globalThis.window = globalThis;
globalThis.WebSocket = require(`${modules}/ws`);
// It takes no call where there is no audio; none is ever begun here.
globalThis.RTCPeerConnection = class {};
const JsSIP = require(`${modules}/jssip`);

const socket = new JsSIP.WebSocketInterface(url);
const phone = new JsSIP.UA({ sockets: [socket], uri: `sip:${user}@127.0.0.1`, password, register_expires: 60 });
for (const event of ["connected", "disconnected", "registered", "unregistered", "registrationFailed"]) {
    phone.on(event, (what) => console.log(event, (what && what.cause) || ""));
}
phone.on("newRTCSession", ({ originator, session, request }) => {
    if (originator === "remote") {
        console.log("invited", request.getHeader("Via"));
        session.terminate({ status_code: 486 });
    }
});
process.stdin.on("end", () => phone.stop());
process.stdin.resume();
phone.start();
