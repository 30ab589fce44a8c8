//! The machine behind the private desktop: a system bus with stand-ins for logind and NetworkManager, which say
//! what the real ones say when a laptop sleeps or the network changes. They are python-dbusmock's templates.

use anyhow::Result;

use super::Desktop;

// Debian's own interpreter, whatever else is called python3 here: the package belongs to it.
const PYTHON: &str = "/usr/bin/python3";
const LOGIND: (&str, &str) = ("org.freedesktop.login1", "/org/freedesktop/login1");
const NETWORK: (&str, &str) = ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager");
const EMIT: &str = "org.freedesktop.DBus.Mock.EmitSignal";

// NMState in the NetworkManager D-Bus API.
const NOT_CONNECTED: u32 = 20;
const CONNECTED: u32 = 70;

impl Desktop {
    /// Starts the system bus with logind and NetworkManager. Before that, `DBUS_SYSTEM_BUS_ADDRESS` leads nowhere,
    /// as on a machine without one; the address stays the same.
    pub fn system_bus(&mut self) -> Result<()> {
        let daemon = self.command("dbus-daemon");
        self.system.start(&mut self.crew, daemon)?;
        for (service, template) in [(LOGIND, "logind"), (NETWORK, "networkmanager")] {
            let mut mock = self.command(PYTHON);
            self.crew.start(template, mock.args(["-m", "dbusmock", "--system", "--template", template]))?;
            crate::wait::until(service.0, crate::wait::LIMIT, || {
                self.crew.check(template)?;
                Ok(self.system.is_owned(self.command("gdbus"), service.0)?.then_some(()))
            })?;
        }
        Ok(())
    }

    /// What logind says before the machine sleeps and after it woke.
    pub fn sleep_and_resume(&self) -> Result<()> {
        for sleeping in ["[<true>]", "[<false>]"] {
            self.system_call(
                LOGIND,
                EMIT,
                &["org.freedesktop.login1.Manager", "PrepareForSleep", "b", sleeping],
            )?;
        }
        Ok(())
    }

    /// What NetworkManager says when the connection goes and another one comes.
    pub fn network_changed(&self) -> Result<()> {
        for state in [NOT_CONNECTED, CONNECTED] {
            let property = format!("{{'State': <uint32 {state}>}}");
            self.system_call(NETWORK, "org.freedesktop.DBus.Mock.UpdateProperties", &[NETWORK.0, &property])?;
            let argument = format!("[<uint32 {state}>]");
            self.system_call(NETWORK, EMIT, &[NETWORK.0, "StateChanged", "u", &argument])?;
        }
        Ok(())
    }

    fn system_call(&self, (service, object): (&str, &str), method: &str, arguments: &[&str]) -> Result<()> {
        self.system.call(&mut self.command("gdbus"), service, object, method, arguments).map(drop)
    }
}
