// The actions of a callflow. Made by `python -m scripts.clients`: do not edit.


export interface MakeCallParams {
  /** The caller ID: one of your active numbers or allowed caller IDs. */
  source: string | number;
  /** The phone number to call, E.164: country code first. */
  destination: string | number;
  /** Record the session from this leg's answer on. */
  callRecording?: boolean;
  /** Keys sent once it is answered, such as an extension; w waits half a second. */
  sendDigits?: string;
  /** Seconds it rings at the most; absent: the server's ring_timeout. */
  ringTimeout?: number;
  /** Seconds after the answer at which this leg is hung up. */
  maxDuration?: number;
}

export interface MakeCallAction { action: "makeCall"; params: MakeCallParams }

/** Call somebody; a second makeCall bridges them to the first. */
export function makeCall(params: MakeCallParams): MakeCallAction;

export interface SayParams {
  /** What to say. */
  text: string;
  /** The voice, by its speech-profile code. Needed where `language` is absent. */
  voiceProfile?: string;
  /** The language, where no voiceProfile is given (BCP 47: en-GB). */
  language?: string;
  /** How many times it is played. */
  repetition?: number;
  /** How fast it is spoken; 1 is the voice's own pace. */
  speed?: number;
}

export interface SayAction { action: "say"; params: SayParams }

/** Speak a text. */
export function say(text: string, params?: Omit<SayParams, "text">): SayAction;

export interface SayAndCaptureParams {
  /** What to say before keys are collected. */
  promptMessage: string;
  /** The voice, by its speech-profile code. Needed where `language` is absent. */
  voiceProfile?: string;
  /** The language, where no voiceProfile is given (BCP 47: en-GB). */
  language?: string;
  /** What to say after enough keys were pressed. */
  successMessage?: string;
  /** What to say after each try in which too few keys were pressed. */
  failureMessage?: string;
  /** How many times it is played. */
  repetition?: number;
  /** How fast it is spoken; 1 is the voice's own pace. */
  speed?: number;
  /** Keys that make a try succeed; needs maxDigits. */
  minDigits?: number;
  /** Keys after which a try ends. */
  maxDigits?: number;
  /** Milliseconds to wait between keys; needs overallTimeout. */
  digitTimeout?: number;
  /** Milliseconds a try lasts after its prompt, digitTimeout at least. */
  overallTimeout?: number;
  /** Whether # ends a try; if not, # and * are keys like others. */
  completeOnHash?: boolean;
  /** How often the caller may try. */
  noOfTries?: number;
  /** Where the keys are posted besides the VCA webhook. */
  dtmfCallbackUrl?: string;
}

export interface SayAndCaptureAction { action: "sayAndCapture"; params: SayAndCaptureParams }

/**
 * Speak a prompt and collect the keys the caller presses. Also accepted as `sayAndcapture` and
 * `say&capture`.
 */
export function sayAndCapture(promptMessage: string, params?: Omit<SayAndCaptureParams, "promptMessage">): SayAndCaptureAction;

export interface PlayFileParams {
  /** The audio file, wav or mp3, at most 5120 KiB; offhook:name is one of the media library. */
  fileUrl: string;
  /** How many times it is played. */
  repetition?: number;
}

export interface PlayFileAction { action: "playFile"; params: PlayFileParams }

/** Play an audio file. */
export function playFile(fileUrl: string, params?: Omit<PlayFileParams, "fileUrl">): PlayFileAction;

export interface HangupAction { action: "hangup"; params?: {} }

/** Disconnect everybody and end the session. */
export function hangup(): HangupAction;

export interface ExecuteScenarioParams {
  scenarioName: string;
  /** A parameter of the scenario. */
  [parameter: string]: unknown;
}

export interface ExecuteScenarioAction { action: "executeScenario"; params: ExecuteScenarioParams }

/** Run a stored callflow template. */
export function executeScenario(scenarioName: string, params?: { [parameter: string]: unknown }): ExecuteScenarioAction;

export type Action = MakeCallAction | SayAction | SayAndCaptureAction | PlayFileAction | HangupAction | ExecuteScenarioAction;
