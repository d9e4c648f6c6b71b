// What the guide's code finds around it: each use is told to the test as one line of JSON behind ">> ".
const tell = (what, ...rest) => console.log('>> ' + JSON.stringify([what, ...rest]));

const emitter = (room) => ({ emit: (name, data) => tell('emit', room, name, data) });
const io = { ...emitter(null), to: (room) => emitter(room) };

const pool = {
    query: async (sql, values) => {
        tell('query', sql.split(' ').slice(0, 3).join(' '), values);
        return { rows: [{ id: 'c_from_database' }] };
    }
};

// Slots that are free, one more each time somebody asks; the first `BUSY` times none is.
let busy = Number(process.env.BUSY || 0);
const findAvailableSlot = async () => (busy-- > 0 ? null : { id: 44 });
const initiateCall = async (slotId, phoneNumber) => tell('initiateCall', slotId, phoneNumber);
const initiateSipCall = async (slotId, phoneNumber) => tell('initiateSipCall', slotId, phoneNumber);
const executeGacsScript = async (slotId, scriptName, params) => {
    tell('executeGacsScript', slotId, scriptName, params);
    return scriptName === 'broken_script' ? { success: false, error: 'no such window' } : { success: true };
};
const logCriticalAlert = async (alert) => tell('logCriticalAlert', alert);

module.exports = {
    tell, io, pool, findAvailableSlot, initiateCall, initiateSipCall, executeGacsScript, logCriticalAlert
};
