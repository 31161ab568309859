// Express: OFFHOOK_WEBHOOK_SECRET=whsec_… node express_server.mjs 5000
import express from "express";
import { BadPayload, BadSignature, Receiver, answer, hangup, say } from "offhook/receiver";

const HOURS = { 1: "We are open from nine to six.", 2: "We are closed on Sundays." };

const app = express();
const receiver = new Receiver(process.env.OFFHOOK_WEBHOOK_SECRET);

function decide({ event }) {
  switch (event.eventType) {
    case "CALL_ACTION": {
      const text = HOURS[event.payload.dtmf] ?? "That is not one of our choices.";
      return answer([say(text, { language: "en-GB" }), hangup()], { clientActionId: "told" });
    }
    case "SESSION_SUMMARY":
      console.log(event.payload.sessionId, event.payload.sessionStatus);
  }
  return {};
}

// The signature is of the body as it came, so no JSON parser comes before it.
app.post("/offhook", express.raw({ type: "*/*", limit: "1mb" }), (request, response) => {
  try {
    response.json(decide(receiver.receive(request.headers, request.body ?? "")));
  } catch (error) {
    if (error instanceof BadSignature) response.sendStatus(401);
    else if (error instanceof BadPayload) response.status(400).send(error.message);
    else throw error;
  }
});

app.listen(Number(process.argv[2]), "127.0.0.1");
