// All views of trading: the ticket, the dialogs that rows open, and the keys.

import * as actions from "./actions.js";
import * as shortcuts from "./shortcuts.js";
import * as ticket from "./ticket.js";

export const ticketViews = [ticket, actions, shortcuts];
