// A backend of StatsD: writes what the server has summed up to standard output, a line of JSON a flush.

exports.init = (_startup, _config, events) => {
  events.on("flush", (_time, { counters, gauges, timers }) => {
    process.stdout.write(JSON.stringify({ counters, gauges, timers }) + "\n");
  });
  return true;
};
