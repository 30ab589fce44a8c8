//! A message bus of one's own, that starts no service except those listed. Comes in: a folder; goes out: its address.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::answer;
use crate::crew::Crew;
use crate::wait;

/// What a bus may start by itself: the Xfce toast service's settings, and the prompt of the password store.
const ACTIVATED: &[&str] = &["org.xfce.Xfconf", "org.gnome.keyring.SystemPrompter"];

/// One bus. Its address is fixed before it runs, so that a program started earlier finds it later.
#[derive(Debug)]
pub(super) struct Bus {
    folder: PathBuf,
    kind: &'static str,
}

impl Bus {
    pub(super) fn in_folder(folder: &Path, kind: &'static str) -> Self {
        Self { folder: folder.to_owned(), kind }
    }

    pub(super) fn address(&self) -> String {
        format!("unix:path={}", self.path("bus").display())
    }

    /// `daemon` is `dbus-daemon` with the desktop's variables, which the services it starts inherit.
    pub(super) fn start(&self, crew: &mut Crew, mut daemon: Command) -> Result<()> {
        let services = self.path("services");
        fs::create_dir_all(&services)?;
        for name in ACTIVATED {
            let file = format!("{name}.service");
            let installed = Path::new("/usr/share/dbus-1/services").join(&file);
            // Without the package there is no file; the one who needs the service says so.
            if installed.exists() {
                fs::copy(installed, services.join(&file))?;
            }
        }
        let configuration = self.path("bus.conf");
        fs::write(&configuration, self.configuration(&services))?;
        let name = format!("{}-bus", self.kind);
        daemon
            .arg(format!("--config-file={}", configuration.display()))
            .args(["--nofork", "--print-address"]);
        crew.start(&name, &mut daemon)?;
        wait::until("the message bus", wait::LIMIT, || {
            crew.check(&name)?;
            // The address is printed once the bus listens.
            Ok(crew.said(&name)?.contains("unix:path=").then_some(()))
        })
    }

    /// `gdbus` comes with the desktop's variables.
    pub(super) fn is_owned(&self, mut gdbus: Command, name: &str) -> Result<bool> {
        let method = "org.freedesktop.DBus.NameHasOwner";
        let said = self.call(&mut gdbus, "org.freedesktop.DBus", "/org/freedesktop/DBus", method, &[name])?;
        Ok(said.contains("true"))
    }

    pub(super) fn call(
        &self,
        gdbus: &mut Command,
        service: &str,
        object: &str,
        method: &str,
        arguments: &[&str],
    ) -> Result<String> {
        gdbus.args(["call", "--address", &self.address(), "-d", service, "-o", object, "-m", method]);
        answer(gdbus.args(arguments)).with_context(|| format!("{method} of {service}"))
    }

    fn configuration(&self, services: &Path) -> String {
        let (address, services) = (self.address(), services.display());
        format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#
        )
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{}-{part}", self.kind))
    }
}
