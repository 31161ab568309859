// The actions of a callflow. Made by `python -m scripts.clients`: do not edit.

export function makeCall(params) {
  return { action: "makeCall", params };
}

export function say(text, params = {}) {
  return { action: "say", params: { text, ...params } };
}

export function sayAndCapture(promptMessage, params = {}) {
  return { action: "sayAndCapture", params: { promptMessage, ...params } };
}

export function playFile(fileUrl, params = {}) {
  return { action: "playFile", params: { fileUrl, ...params } };
}

export function hangup() {
  return { action: "hangup" };
}

export function executeScenario(scenarioName, params = {}) {
  return { action: "executeScenario", params: { scenarioName, ...params } };
}
